/**
 * Whether a program has the file of an open descriptor open for writing. `unknown`: the system does not tell, or the native
 * library does not load here.
 */
export async function hasWriter(fd: number): Promise<'no' | 'yes' | 'unknown'> {
  if (process.platform !== 'linux') return 'unknown'
  const libc = await import('./libc.ts').catch(() => null)
  return libc?.hasWriter(fd) ?? 'unknown'
}
