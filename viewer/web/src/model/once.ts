// Work that is asked for more often than it gets done.

/** oneAtATime returns what runs a job, one at a time: asked for while it runs, it runs once more afterwards, however often that was. */
export function oneAtATime(job: () => Promise<void>): () => void {
  let busy = false;
  let again = false;
  const run = () => {
    again = busy;
    if (busy) return;
    busy = true;
    void job().finally(() => {
      busy = false;
      if (again) run();
    });
  };
  return run;
}
