mod export;
mod files;
mod layers;
mod properties;
mod support;
