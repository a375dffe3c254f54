use alerts::{Evidence, Page};

use crate::at;

#[test]
fn the_link_opens_the_search_that_was_asked() {
    let evidence = Evidence {
        page: Page::Messages,
        query: "status in 500..599 and from = \"+44*\"".to_owned(),
        span: Some((at(0), at(300))),
    };
    assert_eq!(
        evidence.link("https://voice.example.com/rhapsode/"),
        "https://voice.example.com/rhapsode/#/search?tab=messages\
         &q=status%20in%20500..599%20and%20from%20%3D%20%22%2B44%2A%22\
         &from=2026-11-21T03%3A20%3A00.000000Z&to=2026-11-21T03%3A25%3A00.000000Z"
    );
    assert_eq!(
        Evidence::page(Page::Senders).link("http://localhost:9080"),
        "http://localhost:9080/#/senders"
    );
}
