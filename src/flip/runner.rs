//! Step by step forward, and all of it back where something fails. (pure)

use super::steps::{Op, Step};

/// Whatever does the steps: the kernel, or a model of it.
pub trait Kernel {
    /// Step number `step` begins: from here on its way back is needed.
    fn begin(&mut self, step: usize);
    /// From here on it goes back: nothing stops that.
    fn turn_back(&mut self);
    /// Does one thing.
    ///
    /// # Errors
    /// What ends the flip.
    fn perform(&mut self, op: &Op) -> Result<(), Trouble>;
}

/// Why it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// Of which kind, for the exit code.
    pub kind: Kind,
    /// What was seen.
    pub text: String,
}

/// Kinds of trouble.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The kernel said no.
    Refused,
    /// No carrier, or no LACP partner.
    NoPartner,
    /// Nobody answered.
    Silent,
    /// The index of what was to be made is another's by now, or what was to be moved is no more the same.
    Taken,
    /// A signal came.
    Stopped,
}

/// A flip that did not come to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The step that failed.
    pub step: usize,
    /// Why.
    pub trouble: Trouble,
    /// What could not be put back; empty: everything is as it was.
    pub left: Vec<String>,
}

/// Does all steps; where one fails, everything is put back.
///
/// # Errors
/// The step that failed, and what became of the way back.
pub fn run(steps: &[Step], kernel: &mut impl Kernel) -> Result<(), Failure> {
    for (number, step) in steps.iter().enumerate() {
        kernel.begin(number);
        for op in &step.forward {
            if let Err(trouble) = kernel.perform(op) {
                let left = back(&steps[..=number], kernel);
                return Err(Failure { step: number, trouble, left });
            }
        }
    }
    Ok(())
}

/// The way back of steps that were begun, from the last to the first. Gives what could not be done.
pub fn back(begun: &[Step], kernel: &mut impl Kernel) -> Vec<String> {
    kernel.turn_back();
    let ops = begun.iter().rev().flat_map(|step| &step.back);
    ops.filter_map(|op| kernel.perform(op).err()).map(|trouble| trouble.text).collect()
}
