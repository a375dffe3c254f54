use super::Writer;
use crate::ask::Partial;
use crate::hepjs;
use crate::row::Row;

/// A packet on each line. There is no place for why it does not hold everything: a header says it.
#[derive(Default)]
pub(super) struct HepJs {
    text: String,
}

impl Writer for HepJs {
    fn row(&mut self, row: &Row) {
        if row.payload_gone {
            return;
        }
        hepjs::write(row, &mut self.text);
        self.text.push('\n');
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text).into_bytes()
    }

    fn end(&mut self, _partial: Option<&Partial>) {}
}
