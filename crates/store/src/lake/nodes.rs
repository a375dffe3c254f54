//! Which numbers may a node give its log blocks?
//!
//! A row's id is made of its block's number, and must be unique in the whole lake, whoever wrote it. So every node has a
//! range of its own. It is claimed at the node's first start: the first free number's file under `_nodes/` is
//! created, which one of several can do, and holds the node's id.

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use crate::StoreError;
use crate::lake::Place;
use crate::view::block;

/// Beside the tables.
pub(crate) const FOLDER: &str = "_nodes";

/// Blocks of a node: 400 years of ten a second, which is how many a log makes unless they are full.
const BLOCKS: u64 = 1 << 37;

/// As many as there are ids for: an id is the block's number times 65,536, in 63 bits.
const NODES_MAX: u64 = 1 << (63 - 16 - 37);

/// Which node gave a row its id.
pub fn node_number(id: i64) -> u64 {
    block(id) / BLOCKS
}

/// The number before that of the node's first block.
pub(crate) async fn first_block(place: &Place, node: &str) -> Result<u64, StoreError> {
    for number in 0..NODES_MAX {
        if owner(place.store.as_ref(), &claim(place, number), node).await?.trim() == node {
            return Ok(number * BLOCKS);
        }
    }
    Err(StoreError::TooManyNodes { nodes: NODES_MAX })
}

/// The same, if the node has one.
pub(crate) async fn claimed(place: &Place, node: &str) -> Result<Option<u64>, StoreError> {
    for number in 0..NODES_MAX {
        let owner = match read(place.store.as_ref(), &claim(place, number)).await {
            Err(Error::NotFound { .. }) => break,
            found => found?,
        };
        if owner.trim() == node {
            return Ok(Some(number * BLOCKS));
        }
    }
    Ok(None)
}

fn claim(place: &Place, number: u64) -> Path {
    place.path.clone().join(FOLDER).join(format!("{number:04}"))
}

/// Who has the number; this node if nobody had.
async fn owner(store: &dyn ObjectStore, claim: &Path, node: &str) -> Result<String, StoreError> {
    let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    match read(store, claim).await {
        Err(Error::NotFound { .. }) => {}
        found => return Ok(found?),
    }
    match store.put_opts(claim, PutPayload::from(format!("{node}\n")), create).await {
        Ok(_) => Ok(node.to_owned()),
        // Another was faster, or this one was and the answer got lost.
        Err(Error::AlreadyExists { .. }) => Ok(read(store, claim).await?),
        Err(error) => Err(error.into()),
    }
}

async fn read(store: &dyn ObjectStore, claim: &Path) -> Result<String, Error> {
    let bytes = store.get(claim).await?.bytes().await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
