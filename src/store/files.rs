//! s
use super::*;
/// x
pub struct FilesStore;
impl Store for FilesStore {
    fn kind(&self) -> StoreKind { StoreKind::Files }
    fn damage(&self) -> &[String] { &[] }
    async fn scan(&self, _: Space, _: u64, _: usize) -> Result<Vec<(u64, Vec<u8>)>> { Ok(vec![]) }
    async fn read(&self, _: &[(Space, u64)]) -> Result<Vec<Option<Vec<u8>>>> { Ok(vec![]) }
    async fn commit(&mut self, _: Option<&[u8]>, _: Vec<Change>) -> Result<Commit> { Ok(Commit::Done) }
}
