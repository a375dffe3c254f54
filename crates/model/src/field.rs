/// What a field holds. Signed integers only: Delta tables have no unsigned ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Int16,
    Int32,
    Int64,
    Float,
    Bool,
    /// Microseconds since 1970 UTC.
    Time,
    Bytes,
    /// An IP address as RFC 5952 text.
    Ip,
    /// A list of texts.
    TextList,
    /// JSON text.
    Json,
}

/// The unit a number is stored in; the query language converts what the user writes (`3s`, `200ms`) to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Bytes,
    Percent,
}

/// One column of a table, one name of the query language.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Column name, lower snake case. In the query language `table.name` and, where unambiguous, `name`.
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Option<Unit>,
    /// Gets a bloom filter in settled files: cheap to find one value among many.
    pub indexed: bool,
    /// Few distinct values: worth counting beside a result list.
    pub facet: bool,
    /// Holds personal data (numbers, users): masked for roles that may not see it.
    pub private: bool,
    /// Names a party that is no host, such as a session: ladders give it a column of its own. Of several in a table the
    /// outermost comes first.
    pub actor: bool,
    /// One sentence with the section of the standard it comes from.
    pub doc: &'static str,
}

impl Field {
    pub const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, unit: None, indexed: false, facet: false, private: false, actor: false, doc }
    }

    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    pub const fn indexed(mut self) -> Self {
        self.indexed = true;
        self
    }

    pub const fn facet(mut self) -> Self {
        self.facet = true;
        self
    }

    pub const fn private(mut self) -> Self {
        self.private = true;
        self
    }

    pub const fn actor(mut self) -> Self {
        self.actor = true;
        self
    }
}
