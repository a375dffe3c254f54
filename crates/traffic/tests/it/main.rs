//! The generator through its public door: the mix it promises, order, repeatability, and that others can read it.

mod lifelike;
mod mix;
