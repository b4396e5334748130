//! Work that is begun now and waited for later.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use crate::error::Result;

/// Work to be waited for, whose code is not copied into those who wait.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

/// What is waited for, once it has been asked for: whoever begins several waits for them together.
pub(crate) struct Begun<'a, T> {
    answer: Option<Result<T>>,
    rest: Boxed<'a, T>,
}

impl<'a, T> Begun<'a, T> {
    /// Asks, and does not wait.
    pub(crate) async fn new(work: impl Future<Output = Result<T>> + 'a) -> Self {
        let mut rest: Boxed<'a, T> = Box::pin(work);
        let answer = poll_fn(|context| {
            Poll::Ready(match rest.as_mut().poll(context) {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => None,
            })
        });
        Begun { answer: answer.await, rest }
    }

    /// Waits.
    pub(crate) async fn end(self) -> Result<T> {
        match self.answer {
            Some(answer) => answer,
            None => self.rest.await,
        }
    }
}
