//! Attention in all its shares of work against its twin.

use super::gpu::{Work, shared_out};
use super::{Columns, Heads, Shape};
use crate::encoder::device::Place;
use crate::encoder::kernels::launch::GpuRows;
use crate::encoder::kernels::parity::{KernelCheck, compare, rows};
use crate::encoder::kernels::{apart, cpu};
use crate::encoder::rows::Rows;
use crate::error::Result;

/// One row, sequences that share a tile, one that ends within a block of keys, one that is longer.
const LENGTHS: [&[usize]; 3] = [&[1], &[3, 1, 40, 2, 33], &[97]];

pub(in crate::encoder::kernels) async fn checks(place: &Place) -> Result<Vec<KernelCheck>> {
    let mut checks = Vec::new();
    let heads = |asking, asked, width, causal| Heads { asking, asked, width, causal };
    let tiles =
        [(3, 1, 32), (4, 2, 64), (2, 2, 128)].into_iter().flat_map(|(asking, asked, width)| {
            [false, true].map(|causal| (heads(asking, asked, width, causal), Work::Tile(1)))
        });
    // Twice the rows, where they fit into what every device has.
    let wide = [(heads(3, 1, 32, true), Work::Tile(2))];
    let direct = [(heads(3, 1, 24, false), Work::Direct), (heads(2, 2, 64, true), Work::Direct)];
    for (heads, work) in tiles.chain(wide).chain(direct) {
        for lengths in LENGTHS {
            checks.push(check(&heads, work, lengths, place).await?);
        }
    }
    Ok(checks)
}

async fn check(heads: &Heads, work: Work, lengths: &[usize], place: &Place) -> Result<KernelCheck> {
    let shape = Shape::new(lengths.to_vec(), place);
    // Queries and keys side by side, as a norm leaves them; values behind what is looked over.
    let (asking, asked) = (heads.asking * heads.width, heads.asked * heads.width);
    let (left, right) = (rows(1, shape.rows(), asking + asked), rows(2, shape.rows(), 8 + asked));
    let inputs = [Columns::of(&left, 0), Columns::of(&left, asking), Columns::of(&right, 8)];
    let expected = cpu::attention(inputs, heads, &shape);
    let [left, right] = [&left, &right].map(|rows| match place.put(rows) {
        Rows::Gpu(rows) => GpuRows::of(&rows),
        Rows::Cpu(_) => apart(),
    });
    let inputs = [Columns::of(&left, 0), Columns::of(&left, asking), Columns::of(&right, 8)];
    let found = shared_out(inputs, heads, (shape.words(), 0), work);
    let name = format!("{heads:?} {work:?} {lengths:?}");
    compare(name, place, Rows::Gpu(found), &expected).await
}
