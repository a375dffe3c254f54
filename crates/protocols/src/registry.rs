use std::sync::LazyLock;

use hep::Packet;
use model::query::Catalogue;
use model::{Record, Table};

use crate::arrival::Arrival;
use crate::corrections::{HEP_IN_HEP, Header};
use crate::draft::Draft;
use crate::mapping::{Mapping, MappingError};
use crate::{Protocol, common, flags, registry, wrapped};

/// Types that may be defined at run time. Each is a Delta table that is opened, settled and looked through.
pub const MAPPINGS_MAX: usize = 64;

/// Every kind of traffic that a server understands: the built-in types, and those that documents define. Made once at
/// its start and handed to all who ask.
#[derive(Debug)]
pub struct Protocols {
    readers: Vec<Reader>,
    routes: Routes,
    tables: Vec<&'static Table>,
    /// How many of the tables are built in; they come first.
    built_in: usize,
}

/// Who reads a payload.
#[derive(Clone, Copy, Debug)]
enum Reader {
    File(&'static Protocol),
    Document(&'static Mapping),
}

impl Protocols {
    /// Those that have a file here.
    pub fn built_in() -> &'static Self {
        static BUILT_IN: LazyLock<Protocols> = LazyLock::new(|| Protocols::new(&[]));
        &BUILT_IN
    }

    /// Those and the types of these mappings, and tables that are only read: of types that were defined once and
    /// whose rows are still there.
    ///
    /// What comes back lives as long as the program: a server calls this once.
    pub fn with(mappings: Vec<Mapping>) -> Result<&'static Self, MappingError> {
        check(&mappings)?;
        let types: Vec<(Vec<u16>, &'static Table)> =
            mappings.iter().map(|mapping| (mapping.hep_types.clone(), mapping.table)).collect();
        let table_of = |hep_type: u16| {
            let defined = types.iter().find(|(types, _)| types.contains(&hep_type));
            defined.map_or_else(|| Self::built_in().reader(hep_type).table(), |(_, table)| *table)
        };
        let mut joined: Vec<&'static Mapping> = Vec::with_capacity(mappings.len());
        for (place, mut mapping) in mappings.into_iter().enumerate() {
            mapping.join(table_of).map_err(|error| error.within(&place_of(place)))?;
            joined.push(Box::leak(Box::new(mapping)));
        }
        Ok(Box::leak(Box::new(Self::new(&joined))))
    }

    fn new(mappings: &[&'static Mapping]) -> Self {
        let files = registry().iter().map(|protocol| Reader::File(protocol));
        // The last one takes whatever no other does.
        let mut readers: Vec<Reader> = files.collect();
        let last = readers.len().saturating_sub(1);
        readers.splice(last..last, mappings.iter().map(|mapping| Reader::Document(mapping)));
        let files = readers.iter().filter(|reader| matches!(reader, Reader::File(_)));
        let documents = readers.iter().filter(|reader| matches!(reader, Reader::Document(_)));
        let mut tables: Vec<&'static Table> = Vec::new();
        let mut built_in = 0;
        for (reader, is_file) in
            files.map(|file| (file, true)).chain(documents.map(|mapping| (mapping, false)))
        {
            if !tables.iter().any(|known| std::ptr::eq(*known, reader.table())) {
                tables.push(reader.table());
                built_in += usize::from(is_file);
            }
        }
        Self { routes: Routes::new(&readers), readers, tables, built_in }
    }

    /// All tables, the built-in ones first. Several types may keep their records in one.
    pub fn tables(&self) -> &[&'static Table] {
        &self.tables
    }

    /// The payload types whose records the table holds; none: whatever no other table does, or nothing any more.
    pub fn hep_types(&self, table: &Table) -> Vec<u16> {
        let readers = self.readers.iter().filter(|reader| std::ptr::eq(reader.table(), table));
        readers.flat_map(Reader::hep_types).copied().collect()
    }

    /// The types that documents define, with what they join to.
    pub fn mappings(&self) -> impl Iterator<Item = &'static Mapping> {
        self.readers.iter().filter_map(|reader| match reader {
            Reader::Document(mapping) => Some(*mapping),
            Reader::File(_) => None,
        })
    }

    /// The names a query may use: all tables, those that are derived from them too, and the flags that may be raised.
    pub fn catalogue(&self, derived: &[&'static Table]) -> Catalogue {
        let (built_in, defined) = self.tables.split_at(self.built_in);
        Catalogue::new(&[built_in, derived].concat())
            .with_defined(defined)
            .with_values("flags", flags().iter().map(|(name, _)| *name))
    }

    /// The name of who reads this payload type.
    pub fn name(&self, hep_type: u16) -> &'static str {
        self.reader(hep_type).name()
    }

    /// Makes a record of a packet. Borrows from the packet wherever its bytes are valid text.
    pub fn understand<'a>(&self, packet: &'a Packet<'a>, arrival: &Arrival) -> Record<'a> {
        let header = Header::of(packet, arrival.corrections);
        let reader = self.reader(header.hep_type.unwrap_or(0));
        let table = reader.table();
        let mut draft = Draft::new(table, arrival.corrections);
        match (inner(packet, arrival), reader) {
            (Some(inner), _) => wrapped::note(self, &packet.payload, &inner, arrival, &mut draft),
            (None, Reader::File(protocol)) => (protocol.understand)(packet, &mut draft),
            (None, Reader::Document(mapping)) => mapping.understand(packet, &mut draft),
        }
        common::finish(table, packet, &header, arrival, draft)
    }

    fn reader(&self, hep_type: u16) -> Reader {
        self.readers[self.routes.place(hep_type)]
    }
}

impl Reader {
    fn name(self) -> &'static str {
        match self {
            Self::File(protocol) => protocol.name,
            Self::Document(mapping) => mapping.table.name,
        }
    }

    fn table(self) -> &'static Table {
        match self {
            Self::File(protocol) => protocol.table,
            Self::Document(mapping) => mapping.table,
        }
    }

    fn hep_types(&self) -> &[u16] {
        match self {
            Self::File(protocol) => protocol.hep_types,
            Self::Document(mapping) => &mapping.hep_types,
        }
    }
}

/// The packet that is the payload of this one.
fn inner<'a>(packet: &'a Packet<'a>, arrival: &Arrival) -> Option<Packet<'a>> {
    let seconds = u32::try_from(arrival.received.seconds()).unwrap_or(0);
    arrival.corrections.contains(&HEP_IN_HEP).then(|| wrapped::first(&packet.payload, seconds)).flatten()
}

/// How errors call a mapping: by its place among those given.
fn place_of(place: usize) -> String {
    format!("type[{place}]")
}

/// Whether the mappings can stand beside the built-in types and beside each other.
fn check(mappings: &[Mapping]) -> Result<(), MappingError> {
    if mappings.len() > MAPPINGS_MAX {
        let message = format!("{} types are more than the {MAPPINGS_MAX} allowed", mappings.len());
        return Err(MappingError::new("type", message));
    }
    for (place, mapping) in mappings.iter().enumerate() {
        let at = |key: &str| format!("{}.{key}", place_of(place));
        let name = mapping.table.name;
        let earlier = &mappings[..place];
        if registry().iter().any(|known| known.table.name == name) {
            return Err(MappingError::new(
                at("name"),
                format!("the table {name} is built in; choose another name"),
            ));
        }
        if earlier.iter().any(|known| known.table.name == name) {
            let message = format!("two types have the table {name}; give one of them another name");
            return Err(MappingError::new(at("name"), message));
        }
        for hep_type in &mapping.hep_types {
            let built_in = registry().iter().find(|known| known.hep_types.contains(hep_type));
            let defined = earlier.iter().find(|known| known.hep_types.contains(hep_type));
            let taken = match (built_in, defined) {
                (Some(known), _) => format!("built in, in table {}", known.table.name),
                (None, Some(known)) => format!("defined already, in table {}", known.table.name),
                (None, None) => continue,
            };
            return Err(MappingError::new(at("hep_types"), format!("HEP type {hep_type} is {taken}")));
        }
    }
    Ok(())
}

/// Who reads which payload type, by the place in the registry. Looked up for every packet: the types that fit the one
/// byte of an ordinary type chunk have a place each, the few above are searched.
#[derive(Debug)]
struct Routes {
    low: [u16; 256],
    /// In order of the type.
    high: Vec<(u16, u16)>,
    otherwise: u16,
}

impl Routes {
    /// What no reader claims is for the last one.
    fn new(readers: &[Reader]) -> Self {
        let place = |place: usize| u16::try_from(place).expect("far fewer readers than numbers");
        let otherwise = place(readers.len().saturating_sub(1));
        let mut routes = Self { low: [otherwise; 256], high: Vec::new(), otherwise };
        for (at, reader) in readers.iter().enumerate() {
            for hep_type in reader.hep_types() {
                match routes.low.get_mut(usize::from(*hep_type)) {
                    Some(low) => *low = place(at),
                    None => routes.high.push((*hep_type, place(at))),
                }
            }
        }
        routes.high.sort_unstable();
        routes
    }

    fn place(&self, hep_type: u16) -> usize {
        let place = match self.low.get(usize::from(hep_type)) {
            Some(place) => *place,
            None => match self.high.binary_search_by_key(&hep_type, |(known, _)| *known) {
                Ok(at) => self.high[at].1,
                Err(_) => self.otherwise,
            },
        };
        usize::from(place)
    }
}
