//! What the tests share: recordings, expectations, a running server, foreign programs
