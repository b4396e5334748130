//! Kernels are compiled while weights arrive, so that the first text need not wait for it: one layer of
//! the model's shape, without weights, goes through all of them.

use super::config::{Config, Family};
use super::device::Place;
use super::kernels::{Shape, Store, means, pace};
use super::matrix::Form;
use super::parameters::Parameters;
use super::qwen3::Qwen3;
use super::{Network, bert::Bert};
use crate::error::Result;

/// Rows of passes that between them need every kernel: see how the product shares out its work. No text
/// has fewer than three tokens, with the special ones.
const ROWS: [usize; 4] = [4, 8, 33, 1024];

/// Has all kernels compiled that a model with weights of a form will need. On the CPU there is nothing
/// to do.
///
/// # Errors
///
/// `Model` where the configuration names no tensor that the layers ask for, which cannot be.
pub(super) fn up(config: &Config, form: Form, store: Store, place: &Place) -> Result<()> {
    let Some(device) = &place.gpu else { return Ok(()) };
    let one = Config { layers: 1, ..config.clone() };
    let mut parameters = Parameters::blank(&one, form, device);
    let network = match one.family {
        Family::Bert { .. } => Network::Bert(Box::new(Bert::load(&mut parameters, &one, place)?)),
        Family::Qwen3 { theta, causal, .. } => {
            let qwen3 = Qwen3::load(&mut parameters, &one, (theta, causal), place)?;
            Network::Qwen3(Box::new(qwen3))
        }
    };
    // A workgroup of each kernel is enough.
    pace::hold_back(true);
    for rows in ROWS {
        let shape = Shape::new(vec![rows], place);
        let x = place.rows(vec![0.0; rows * one.dimension], one.dimension);
        let states = network.forward(x, &shape, store);
        means::means(&states, &[0..1]);
    }
    pace::hold_back(false);
    Ok(())
}
