/** Calls `run` once performance.now() shows `atMs`; returns the function that forgets it. */
export function callAt(atMs: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.max(0, Math.ceil(atMs - performance.now())))
  return () => clearTimeout(timer)
}
