//! RTCP with extended reports: reading never fails, and what is written again reads the same.

use media::rtcp::Compound;

pub(crate) fn fuzz(bytes: &[u8]) {
    let compound = Compound::read(bytes);
    assert!(compound.reports.len() <= bytes.len() / 4 + 1);
    assert!(compound.problems.iter().all(|problem| problem.at <= bytes.len()));
    let written = compound.to_bytes();
    // What was cut off is padded when written, and may then pass for more than could be read before.
    if compound.problems.is_empty() {
        assert_eq!(Compound::read(&written).to_bytes(), written);
    }
}
