//! Reading an index that another tab writes.

use super::{Index, check_same_space};
use crate::error::Result;
use crate::fingerprint::Fingerprint;
use crate::store::Store;

impl<S: Store> Index<S> {
    /// As [`Index::bind`], for one that only reads, as a tab does that leaves encoding to another:
    /// looks again at the store, and writes nothing down. `false` where no fingerprint is given, or
    /// the index was made with nothing yet. What was bound stays so as long as it fits.
    ///
    /// # Errors
    ///
    /// `Fingerprint` where the index was made with another one, `Storage` where the store fails.
    pub async fn follow(&mut self, fingerprint: Option<&Fingerprint>) -> Result<bool> {
        // Nothing is bound while it looks: what another has cleared is no error here.
        let before = self.bound.take();
        self.catch_up().await?;
        // With a fingerprint it is a query that comes, to which the queue does not matter.
        if fingerprint.is_none() {
            self.refresh_queue().await?;
        }
        let Some(made_with) = &self.state.made_with else { return Ok(false) };
        if let Some(fingerprint) = fingerprint {
            check_same_space(made_with, fingerprint)?;
        }
        let fitting = before.filter(|before| made_with.same_space(before));
        self.bound = fingerprint.cloned().or(fitting);
        Ok(fingerprint.is_some())
    }
}
