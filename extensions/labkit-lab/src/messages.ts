// What passes between the kernel and the page, in JSON.
// Made from labkit/widgets/lab_messages.py by extensions/generate_messages.py: change it there.

/** A job that runs; `total` is 0 while it is not known. */
export interface JobStatus {
  name: string;
  state: string;
  done: number;
  total: number;
}

/**
 * What the status bar shows of a kernel.
 *
 * `done` and `total` count frames of the queue that was opened last, null where there is
 * none; `used` and `card` are bytes of all cards, null where torch uses no card.
 */
export interface KernelStatus {
  done: number | null;
  total: number | null;
  jobs: JobStatus[];
  used: number | null;
  card: number | null;
}

/** Who is in front of a page. */
export interface Identity {
  username: string;
  name: string;
}
