//! placeholder
use std::path::{Path, PathBuf};
use kernels::seam::{Point, Seam};
pub struct TemplatePoint;
impl Point for TemplatePoint { const NAME: &'static str = "template"; type Value<'a> = String; }
#[derive(Debug, thiserror::Error)]
pub enum ChatError { #[error("x")] Missing { path: PathBuf }, #[error("y")] Other }
pub struct Message; impl Message { pub fn new(_: &str, _: &str) -> Self { Message } }
pub struct ChatTemplate;
impl ChatTemplate { pub fn open_with(_: &Path, _: &Seam) -> Result<Self, ChatError> { Err(ChatError::Other) }
pub fn render(&self, _: &[Message], _: &[serde_json::Value], _: bool) -> Result<String, ChatError> { Err(ChatError::Other) } }
