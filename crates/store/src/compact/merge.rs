//! Several files become one, in bounded memory: a row group at a time, and of that one column at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, SchemaRef};
use crc32fast::Hasher;
use model::{Table, Versions};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload};

use crate::StoreError;
use crate::clock::now;
use crate::compact::piece::{Input, Loaded, Piece};
use crate::compact::plan::Run;
use crate::lake::encode::{Encoder, ROW_GROUP_ROWS, latest, places};
use crate::lake::keys::{self, KEY_COLUMNS, KeyFilter, Keys};
use crate::lake::{Effort, LakeFile, Payload, checksum, file_name};
use crate::schema::{PAYLOAD, arrow_schema};
use crate::view::{Ranges, block};

/// A row group with so many rows is taken over as it is: sorting it again with its neighbour would save 2 % of its
/// bytes. Where files settle this large there is much traffic, and little time for that.
const COPIED_ROWS: usize = ROW_GROUP_ROWS / 2;

/// And one with a column as large as this, so that no more than twice of it is decoded at a time.
const COLUMN_BYTES_MAX: usize = 96 << 20;

/// Parts of an upload to S3 have 5 MiB at least.
const PART_BYTES: usize = 8 << 20;

/// After each row group as much time passes as it took: half of a processor is left to those who cannot wait.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Where files are read and written.
pub(super) struct Site<'a> {
    pub(super) store: &'a Arc<dyn ObjectStore>,
    pub(super) folder: &'a Path,
    pub(super) node: &'a str,
}

/// Why no file was made.
#[derive(Debug)]
pub(super) enum Failure {
    /// This file cannot be read, or holds what would be lost: others can go on without it.
    Input(String, StoreError),
    /// Nothing is wrong with the files.
    Elsewhere(StoreError),
    /// The store closes.
    Stopped,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Elsewhere(error)
    }
}

impl From<object_store::Error> for Failure {
    fn from(error: object_store::Error) -> Self {
        Self::Elsewhere(error.into())
    }
}

/// Writes a file with the rows of all files of the run, without payloads if the run drops them, and its filter beside
/// it. Rows that later ones took the place of are left out, as far as both are in one row group. Rows that later ones took the place of are left out, as far as both are in one row group. `go_on` is asked after each row group, and told how long to wait.
pub(super) async fn merge(
    site: &Site<'_>,
    table: &'static Table,
    run: &Run,
    go_on: &dyn Fn(Duration) -> bool,
) -> Result<LakeFile, Failure> {
    let schema = arrow_schema(table);
    let inputs = open(site, table, &schema, &run.files).await?;
    let pieces: Vec<Piece> = inputs.iter().flat_map(Input::pieces).collect();
    let rows = pieces.iter().map(Piece::rows).sum();
    let wrong = |source| StoreError::Encode { table: table.name, source };
    let mut filter = KeyFilter::with_room(rows).map_err(wrong)?;
    let last = run.files.iter().filter_map(|file| file.ranges).map(|ranges| block(ranges.id.max)).max();
    let written = now();
    let name = file_name(site.node, last.unwrap_or(0), written);
    let path = site.folder.clone().join(name.as_str());
    let upload = site.store.put_multipart(&path).await?;
    let mut output = Output { upload, gathered: Vec::new(), bytes: 0, checksum: Hasher::new() };
    let making = Making { site, table, schema: &schema, emptied: run.drops_payload.then_some(PAYLOAD) };
    let outcome = write(&making, pieces, &mut filter, &mut output, go_on).await;
    let rows = match outcome {
        Ok(rows) => rows,
        Err(failure) => {
            // What is left behind is found at the next start.
            if let Err(error) = output.upload.abort().await {
                tracing::warn!(file = %path, %error, "cannot remove the beginning of a file");
            }
            return Err(failure);
        }
    };
    output.upload.complete().await?;
    filter.close();
    let bytes = filter.to_bytes().map_err(wrong)?;
    site.store.put(&keys::path(site.folder, &name), PutPayload::from(bytes)).await?;
    let ranges =
        run.files.iter().map(|file| file.ranges).reduce(|a, b| Some(Ranges::join(&a?, &b?))).flatten();
    let payloads = || run.files.iter().map(|file| file.payload).reduce(Payload::join);
    Ok(LakeFile {
        name,
        bytes: output.bytes,
        checksum: Some(output.checksum.finalize()),
        payload: if run.drops_payload { Payload::Gone } else { payloads().unwrap_or(Payload::Unmeasured) },
        rows: rows as u64,
        modified_millis: written.0 / 1000,
        ranges,
        keys: Keys::known(filter),
    })
}

async fn open(
    site: &Site<'_>,
    table: &'static Table,
    schema: &SchemaRef,
    run: &[Arc<LakeFile>],
) -> Result<Vec<Arc<Input>>, Failure> {
    let mut inputs = Vec::with_capacity(run.len());
    for file in run {
        let unusable =
            |source| Failure::Input(file.name.clone(), StoreError::Decode { table: table.name, source });
        let path = site.folder.clone().join(file.name.as_str());
        // What was damaged without anyone noticing would get a checksum that says it is whole.
        if let Some(expected) = file.checksum
            && checksum(site.store.as_ref(), &path, file.bytes).await? != expected
        {
            let error = StoreError::Internal("its bytes are not those that were written".to_owned());
            return Err(Failure::Input(file.name.clone(), error));
        }
        let input = Input::open(site.store, path, file.bytes).await.map_err(unusable)?;
        if let Some(column) = input.foreign_column(schema) {
            let error =
                StoreError::Internal(format!("it has a column {column} that this program does not know"));
            return Err(Failure::Input(file.name.clone(), error));
        }
        let input = Arc::new(input);
        if input.pieces().map(|piece| piece.rows() as u64).sum::<u64>() != file.rows {
            let error = StoreError::Internal(format!("it does not have the {} rows it should", file.rows));
            return Err(Failure::Input(file.name.clone(), error));
        }
        inputs.push(input);
    }
    Ok(inputs)
}

/// The file that is made.
struct Making<'a> {
    site: &'a Site<'a>,
    table: &'static Table,
    schema: &'a SchemaRef,
    /// A column that has no values in it.
    emptied: Option<&'static str>,
}

/// How many rows it has.
async fn write(
    making: &Making<'_>,
    pieces: Vec<Piece>,
    filter: &mut KeyFilter,
    output: &mut Output,
    go_on: &dyn Fn(Duration) -> bool,
) -> Result<usize, Failure> {
    let Making { table, schema, .. } = *making;
    let groups = groups(pieces, schema);
    let largest = groups.iter().map(|group| group.iter().map(Piece::rows).sum()).max().unwrap_or(0);
    // The writer of the largest input looked at more rows than a sample would.
    let widest = groups.iter().flatten().max_by_key(|piece| piece.rows()).cloned();
    let different =
        |column: usize| widest.as_ref().is_some_and(|piece| piece.is_plain(schema.field(column).name()));
    let mut encoder = Encoder::new(table, schema, Effort::Compacting, largest, &different)?;
    let mut rows = 0;
    for group in groups {
        let started = Instant::now();
        rows += write_group(making, group, filter, &mut encoder).await?;
        output.add(encoder.take()).await?;
        if !go_on(started.elapsed().min(PAUSE_MAX)) {
            return Err(Failure::Stopped);
        }
    }
    output.add(encoder.finish()?).await?;
    output.flush().await?;
    Ok(rows)
}

/// How many rows it has.
async fn write_group(
    making: &Making<'_>,
    group: Vec<Piece>,
    filter: &mut KeyFilter,
    encoder: &mut Encoder,
) -> Result<usize, Failure> {
    let Making { site, table, schema, emptied } = *making;
    let unusable = |name, source| Failure::Input(name, StoreError::Decode { table: table.name, source });
    let wrong_rows = |source| Failure::Elsewhere(StoreError::Arrange { table: table.name, source });
    let mut loaded = Vec::with_capacity(group.len());
    for piece in group {
        let name = piece.input().name();
        loaded.push(piece.load(site.store.as_ref(), emptied).await.map_err(|error| unusable(name, error))?);
    }
    let column = |piece: &Loaded, field: &Field| {
        piece.column(field.name(), field.data_type()).map_err(|error| unusable(piece.name(), error))
    };
    for field in KEY_COLUMNS.iter().filter_map(|name| schema.field_with_name(name).ok()) {
        for piece in &loaded {
            filter.add(&column(piece, field)?);
        }
    }
    match loaded.as_slice() {
        [piece] if piece.has_columns(schema) && piece.is_sorted_by(table.rows.sorted_by) => {
            let (file, chunks) = piece.chunks().map_err(|error| unusable(piece.name(), error))?;
            encoder.copy(file, chunks, piece.rows())?;
            Ok(piece.rows())
        }
        several => {
            let lengths: Vec<usize> = several.iter().map(Loaded::rows).collect();
            // The encoder asks for one column at a time, and drops it before it asks for the next.
            let parts = |place: usize| -> Result<Vec<ArrayRef>, Failure> {
                several.iter().map(|piece| column(piece, schema.field(place))).collect()
            };
            let mut rows = places(&lengths).collect();
            if let Some(Versions { of, by }) = table.rows.versions {
                let numbers = |name| schema.index_of(name).map_err(wrong_rows).and_then(&parts);
                latest(&mut rows, &numbers(of)?, &numbers(by)?);
            }
            let count = rows.len();
            encoder.write(rows, parts)?;
            Ok(count)
        }
    }
}

/// The pieces in their order, put together to row groups.
fn groups(pieces: Vec<Piece>, schema: &SchemaRef) -> Vec<Vec<Piece>> {
    let mut groups: Vec<Vec<Piece>> = Vec::new();
    let mut room = None;
    for piece in pieces {
        let (rows, bytes) = (piece.rows(), piece.largest_column_bytes());
        let alone = (rows >= COPIED_ROWS || bytes >= COLUMN_BYTES_MAX) && piece.input().has_columns(schema);
        match (&mut room, groups.last_mut()) {
            (Some((rows_left, bytes_left)), Some(group))
                if !alone && rows <= *rows_left && bytes <= *bytes_left =>
            {
                *rows_left -= rows;
                *bytes_left -= bytes;
                group.push(piece);
            }
            _ => {
                room = (!alone)
                    .then(|| (ROW_GROUP_ROWS.saturating_sub(rows), COLUMN_BYTES_MAX.saturating_sub(bytes)));
                groups.push(vec![piece]);
            }
        }
    }
    groups
}

/// The file on its way.
struct Output {
    upload: Box<dyn MultipartUpload>,
    gathered: Vec<u8>,
    bytes: u64,
    checksum: Hasher,
}

impl Output {
    async fn add(&mut self, bytes: Vec<u8>) -> object_store::Result<()> {
        self.bytes += bytes.len() as u64;
        self.checksum.update(&bytes);
        if self.gathered.is_empty() {
            self.gathered = bytes;
        } else {
            self.gathered.extend_from_slice(&bytes);
        }
        if self.gathered.len() >= PART_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> object_store::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        self.upload.put_part(PutPayload::from(std::mem::take(&mut self.gathered))).await
    }
}
