// What is wider or higher than its place is moved by the arrow keys too: then, and only then, Tab leads to it.

import type { Attachment } from 'svelte/attachments';

/** Makes an element reachable while it has more than it shows. `name` says what it is to who cannot see it. */
export function scrolls(name?: string): Attachment<HTMLElement> {
  return (element) => {
    const look = () => {
      const isLarger = element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1;
      if (!isLarger) {
        element.removeAttribute('tabindex');
        if (name !== undefined) element.removeAttribute('role');
        return;
      }
      element.tabIndex = 0;
      if (name === undefined) return;
      element.setAttribute('role', 'region');
      element.setAttribute('aria-label', name);
    };
    // Its own size, and that of what it holds.
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    const holds = () => {
      for (const child of element.children) watcher.observe(child);
      look();
    };
    const changes = new MutationObserver(holds);
    changes.observe(element, { childList: true });
    holds();
    return () => {
      watcher.disconnect();
      changes.disconnect();
    };
  };
}
