//! LLDP, received only: which switch, and which port of it, a cable goes to. (pure)

pub mod frame;
pub mod neighbour;
