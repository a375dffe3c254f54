//! Types that documents define: `[[type]]` of the configuration file, and the documents of the folder `types`.
//!
//! `NAME.toml` holds our form, `NAME.json` HOMER's `mapping_schema`. Every mistake is told with file, line where the
//! form has lines, and key.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use protocols::Protocols;
use protocols::mapping::{Definition, Mapping, MappingError, read_homer};
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::file;

/// Longest document: the mappings of a whole HOMER are a tenth of this.
const DOCUMENT_BYTES_MAX: u64 = 1 << 20;

/// A definition, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Defined {
    pub(crate) definition: Definition,
    origin: Origin,
}

#[derive(Clone, Debug, PartialEq)]
struct Origin {
    path: PathBuf,
    /// Which one of its document it is, in a document of our form.
    place: Option<usize>,
}

/// What the documents give.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Types {
    pub(crate) defined: Vec<Defined>,
    /// What was not taken over from a document, one line each.
    pub(crate) notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    r#type: Vec<Definition>,
}

impl Types {
    /// The names of their tables.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.defined.iter().filter_map(|defined| defined.definition.table_name())
    }

    /// Those of the configuration file, then those of the folder in order of their names.
    pub(super) fn read(
        config: Option<&Path>,
        definitions: Vec<Definition>,
        folder: Option<&Path>,
    ) -> Result<Self> {
        let mut types = Self::default();
        if let Some(config) = config {
            types.add(config, definitions);
        }
        let Some(folder) = folder else { return Ok(types) };
        let wrong = || format!("cannot read the folder of types {}", folder.display());
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(wrong)? {
            paths.push(entry.with_context(wrong)?.path());
        }
        paths.sort();
        for path in paths {
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("toml") => {
                    check_size(&path)?;
                    let document: Document = file::read(&path)?;
                    types.add(&path, document.r#type);
                }
                Some("json") => types.import(&path)?,
                _ => {}
            }
        }
        Ok(types)
    }

    /// Definitions without documents.
    pub(crate) fn of(definitions: &[Definition]) -> Self {
        let mut types = Self::default();
        types.add(Path::new("types.toml"), definitions.to_vec());
        types
    }

    fn add(&mut self, path: &Path, definitions: Vec<Definition>) {
        let placed = definitions.into_iter().enumerate().map(|(place, definition)| Defined {
            definition,
            origin: Origin { path: path.to_owned(), place: Some(place) },
        });
        self.defined.extend(placed);
    }

    fn import(&mut self, path: &Path) -> Result<()> {
        check_size(path)?;
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let imported = read_homer(&text).map_err(|error| anyhow!("{}: {error}", path.display()))?;
        self.notes.extend(imported.notes.iter().map(|note| format!("{}: {note}", path.display())));
        let origin = Origin { path: path.to_owned(), place: None };
        let defined = imported.definitions.into_iter();
        self.defined.extend(defined.map(|definition| Defined { definition, origin: origin.clone() }));
        Ok(())
    }

    /// What a server with these types understands. Tables of `retired` types are there to be read.
    pub(crate) fn protocols(&self, retired: &[Definition]) -> Result<&'static Protocols> {
        let mut mappings = Vec::with_capacity(self.defined.len() + retired.len());
        for defined in &self.defined {
            mappings.push(Mapping::new(&defined.definition).map_err(|error| defined.explain(error))?);
        }
        for definition in retired {
            let mapping = Mapping::new(definition);
            mappings.push(mapping.with_context(|| format!("the former type {}", definition.name))?.retired());
        }
        Protocols::with(mappings).map_err(|error| {
            // `type[3].name`: the fourth of those given.
            let (place, at) = error.at.split_once('.').unwrap_or((error.at.as_str(), ""));
            let place = place.trim_start_matches("type[").trim_end_matches(']').parse::<usize>();
            let inner = MappingError { at: at.to_owned(), message: error.message.clone() };
            match place.ok().and_then(|place| self.defined.get(place)) {
                Some(defined) => defined.explain(inner),
                None => error.into(),
            }
        })
    }

    /// Refuses a column that is to hold something else than what the lake has under its name.
    pub(crate) fn check_against(&self, earlier: &[Definition]) -> Result<()> {
        for defined in &self.defined {
            let table = Mapping::new(&defined.definition).map_err(|error| defined.explain(error))?.table();
            for former in earlier {
                // What an earlier version could read and this one cannot has no columns to compare.
                let Ok(former) = Mapping::new(former) else { continue };
                if former.table().name != table.name {
                    continue;
                }
                let changed = table.fields.iter().find(|field| {
                    former
                        .table()
                        .fields
                        .iter()
                        .any(|known| known.name == field.name && known.kind != field.kind)
                });
                if let Some(field) = changed {
                    let place = defined.definition.field.iter().position(|written| {
                        written.name.as_deref().unwrap_or(&written.path).ends_with(field.name)
                    });
                    let at = place.map_or_else(|| "field".to_owned(), |place| format!("field[{place}].kind"));
                    let message = format!(
                        "rows of earlier runs have {} in another kind; give the column another name",
                        field.name
                    );
                    return Err(defined.explain(MappingError { at, message }));
                }
            }
        }
        Ok(())
    }
}

impl Defined {
    /// The mistake with the file and line it is in.
    fn explain(&self, error: MappingError) -> anyhow::Error {
        let path = self.origin.path.display();
        let Some(place) = self.origin.place else {
            return anyhow!("{path}: type {}: {error}", self.definition.name);
        };
        let error = error.within(&format!("type[{place}]"));
        let text = std::fs::read_to_string(&self.origin.path).unwrap_or_default();
        anyhow!("{path}:{}: {error}", line_of(&text, &error.at))
    }
}

pub(super) fn check_size(path: &Path) -> Result<()> {
    let bytes = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if bytes > DOCUMENT_BYTES_MAX {
        bail!("{}: {bytes} bytes are more than the {DOCUMENT_BYTES_MAX} of a document", path.display());
    }
    Ok(())
}

/// The line of a key such as `type[0].field[2].kind`, or of what is nearest to it on the way there.
fn line_of(text: &str, at: &str) -> usize {
    let Ok(document) = DeTable::parse(text) else { return 1 };
    let mut start = 0;
    let mut place: Option<&DeValue<'_>> = None;
    for step in at.split(['.', '[']).map(|step| step.trim_end_matches(']')) {
        let found = match (place, step.parse::<usize>()) {
            (None, _) => document.get_ref().get(step),
            (Some(value), Ok(item)) => value.get(item),
            (Some(value), Err(_)) => value.get(step),
        };
        let Some(found) = found else { break };
        start = found.span().start;
        place = Some(found.get_ref());
    }
    text.get(..start).unwrap_or_default().matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_line_of_a_key() {
        let text = "[[type]]\nname = \"a\"\nhep_types = [1]\n\n[[type.field]]\npath = \"x\"\n[[type.field]]\npath = \"y\"\nkind = \"txt\"\n";
        assert_eq!(line_of(text, "type[0].name"), 2);
        assert_eq!(line_of(text, "type[0].field[1].kind"), 9);
        assert_eq!(line_of(text, "type[0].field[1].unit"), 7);
        assert_eq!(line_of("broken =", "type[0]"), 1);
    }
}
