/** Returns the script of a worker: in a checkout it is in workers/, in a build all files are in one directory. */
export function workerScript(name: string): URL {
  const file = import.meta.url.endsWith('.ts') ? `./workers/${name}.ts` : `./worker-${name}.js`
  return new URL(file, import.meta.url)
}
