/** The script of a worker: in a checkout it is in workers/, and of what was built every file is beside the others. */
export function workerScript(name: string): URL {
  const file = import.meta.url.endsWith('.ts') ? `./workers/${name}.ts` : `./worker-${name}.js`
  return new URL(file, import.meta.url)
}
