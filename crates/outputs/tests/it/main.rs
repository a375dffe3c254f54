//! Metrics and news of alerts through the doors that the program uses.

mod calls;
mod documented;
mod messages;
mod notify;
mod page;
