/** What the page's modules hand one another; read by the type checker alone. */

/** What a view is given: it asks the server, tells a word, and holds what the address holds. */
interface Page {
  ask: (question: string, given?: object) => Promise<any>;
  word: (key: string, values?: object) => string;
  lang: string;
  state: { get: () => Record<string, any>; set: (more: Record<string, any>) => void };
  /** Speaks to a screen reader. */
  say: (text: string) => void;
  /** The picture. */
  photo: HTMLCanvasElement | null;
  examples: Record<string, Kernel>;
}

/** Row and column. */
type Place = [number, number];

/** The first and the end of a half-open interval. */
type Side = number[];

/** A convolution as the user set it. */
interface Kernel {
  x: number[][][];
  weight: number[][][][];
  bias: number[] | null;
  stride: number[];
  padding: number[];
  dilation: number[];
  groups: number;
  padding_mode: string;
  transposed: boolean;
  output_padding: number[];
  /** The output channel that is shown. */
  channel: number;
}

/** Makes an edit on the kernel as it is then, and shows what follows. */
type Changed = (edit: (k: Kernel) => Kernel) => void;

/** [units, start, stop, move]: unit i sees pixels [start + i*move, stop + i*move). */
type Run = number[];

interface Sides {
  rows: Run[];
  columns: Run[];
}

/** What the units of a map see; `reaching` where it can be told which of them a pixel reaches. */
interface Plane {
  size: number[];
  reaching: boolean;
  hulls: Sides | null;
  local: Sides | null;
}

/** A layer in the list of the network. */
interface Table {
  layer: any;
  cells: Record<string, string[]>;
  map: Plane | null;
}

/** The field along an axis, as the document tells it. */
interface Axis {
  axis: string;
  along: number | null;
  status: string;
  size: number | null;
  stride: Side | null;
  start: number | null;
  phases?: Side[];
  local: Axis | null;
}

/** A box on the picture. */
interface Mark {
  box: Side[];
  free?: (Side | null)[] | null;
  hue: string;
  cover?: any;
  dash?: boolean;
}

/** An array, its bytes in base64. */
interface Packed {
  kind: string;
  shape: number[];
  data: string;
}
