//! A `tokenizer.json` read as it stands: the crate itself reads the vocabulary by way of two general forms, which takes a
//! browser longer than all else that a tokenizer needs.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use tokenizers::models::ModelWrapper;
use tokenizers::models::{bpe::BPE, unigram::Unigram, wordlevel::WordLevel, wordpiece::WordPiece};
use tokenizers::{
    AddedToken, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, Result, Tokenizer,
};

/// The tokenizer of a file, without its padding and truncation.
///
/// # Errors
///
/// Where the bytes are not a tokenizer.
pub(super) fn read(json: &[u8]) -> Result<Tokenizer> {
    match serde_json::from_slice::<File>(json) {
        Ok(file) => file.tokenizer(),
        // One of an older kind, or none: the crate knows, and can say why.
        Err(_) => plain(Tokenizer::from_bytes(json)?),
    }
}

fn plain(mut tokenizer: Tokenizer) -> Result<Tokenizer> {
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None)?;
    Ok(tokenizer)
}

/// What is needed to make ids of text.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "version")]
    _version: Version,
    added_tokens: Vec<AddedToken>,
    normalizer: Option<NormalizerWrapper>,
    pre_tokenizer: Option<PreTokenizerWrapper>,
    post_processor: Option<PostProcessorWrapper>,
    model: Model,
}

/// The only one that there has been.
#[derive(Deserialize)]
enum Version {
    #[serde(rename = "1.0")]
    First,
}

impl File {
    fn tokenizer(self) -> Result<Tokenizer> {
        let mut tokenizer = Tokenizer::new(self.model.0);
        tokenizer.with_normalizer(self.normalizer)?;
        tokenizer.with_pre_tokenizer(self.pre_tokenizer);
        tokenizer.with_post_processor(self.post_processor);
        tokenizer.add_tokens(self.added_tokens)?;
        Ok(tokenizer)
    }
}

/// The vocabulary, whose kind stands first in the files of today.
struct Model(ModelWrapper);

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(ModelVisitor)
    }
}

struct ModelVisitor;

impl<'de> Visitor<'de> for ModelVisitor {
    type Value = Model;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a vocabulary that begins with its type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Model, A::Error> {
        let Some(("type", kind)) = map.next_entry::<&str, &str>()? else {
            return Err(A::Error::missing_field("type"));
        };
        let rest = MapAccessDeserializer::new(map);
        Ok(Model(match kind {
            "WordPiece" => WordPiece::deserialize(rest)?.into(),
            "BPE" => BPE::deserialize(rest)?.into(),
            "WordLevel" => WordLevel::deserialize(rest)?.into(),
            "Unigram" => Unigram::deserialize(rest)?.into(),
            _ => return Err(A::Error::unknown_variant(kind, &[])),
        }))
    }
}
