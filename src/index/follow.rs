//! Reading an index that another tab writes.

use super::{Index, check_same_space};
use crate::error::Result;
use crate::fingerprint::Fingerprint;
use crate::store::Store;

impl<S: Store> Index<S> {
    /// As [`Index::bind`], for one that only reads, as a tab does that leaves encoding to another:
    /// looks again at the store, and writes nothing down. `false` where no fingerprint is given, or
    /// the index was made with nothing yet: then nothing is bound.
    ///
    /// # Errors
    ///
    /// `Fingerprint` where the index was made with another one, `Storage` where the store fails.
    pub async fn follow(&mut self, fingerprint: Option<&Fingerprint>) -> Result<bool> {
        // Nothing is bound while it looks: what another has cleared is no error here.
        self.bound = None;
        self.catch_up().await?;
        let (Some(fingerprint), Some(made_with)) = (fingerprint, &self.state.made_with) else {
            return Ok(false);
        };
        check_same_space(made_with, fingerprint)?;
        self.bound = Some(fingerprint.clone());
        Ok(true)
    }
}
