mod export;
mod files;
mod layers;
mod pieces;
mod properties;
mod support;
