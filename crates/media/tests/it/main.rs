mod properties;
mod rtcp;
mod rtp;
