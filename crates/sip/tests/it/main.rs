//! Reading what real wires carry, through the public doors of the room.

mod recordings;
