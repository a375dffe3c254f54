//! IP, UDP and TCP layers and pcap files, in and out
