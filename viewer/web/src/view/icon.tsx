// Icons, as outlines of 16 by 16.

const paths = {
  chevron: "M6 4l4 4-4 4",
  pin: "M6 2h4l-.5 5 2 2.5h-7l2-2.5zM8 9.5V14",
  fold: "M3 4h10M3 8h6M3 12h10",
  fit: "M2 5V2h3M11 2h3v3M14 11v3h-3M5 14H2v-3M5 8h6",
  search: "M7 2.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9zM10.5 10.5L14 14",
  sun: "M8 5a3 3 0 100 6 3 3 0 000-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13 9.5A5.5 5.5 0 016.5 3 5.5 5.5 0 1013 9.5z",
  help: "M5.5 6a2.5 2.5 0 115 0c0 1.6-2.5 2-2.5 3.5M8 12.3v.4",
  close: "M4 4l8 8M12 4l-8 8",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M5 3l8 5-8 5z",
  out: "M9 2h5v5M14 2L7 9M12 9v5H2V4h5",
  copy: "M5 5V2h9v9h-3M2 5h9v9H2z",
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  compare: "M2 3h12M2 7h8M2 11h12M2 14.5h5",
  active: "M2 4h12M2 12h12M5 8h6",
  link: "M6.5 9.5l3-3M7 4.5l1-1a3 3 0 014.5 4.5l-1 1M9 11.5l-1 1A3 3 0 013.5 8l1-1",
};

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
