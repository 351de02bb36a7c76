import { native } from './native.ts'

/** Whether a program has the file of an open descriptor open for writing. `unknown`: this system does not tell. */
export const hasWriter = (fd: number): 'no' | 'yes' | 'unknown' =>
  process.platform === 'linux' ? (native?.hasWriter(fd) ?? 'unknown') : 'unknown'
