//! RTP, RTCP and RTCP XR readers; jitter, loss and E-model arithmetic
