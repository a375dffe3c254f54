//! The store through its public doors.

mod backup;
mod check;
mod compaction;
mod derived;
mod exactly_once;
mod faulty;
mod lake;
mod limits;
mod messages;
mod model;
mod payload_age;
mod pressure;
mod query;
mod retention;
mod rows;
mod search;
mod shared;
mod sql;
mod tail;
mod times;

// The fake disk of the log's own tests names it so.
use store::log;
