import { onTestFinished } from 'vitest'
import { openReaders, type Readers } from '../../../core/send/reading/readers.ts'

/** The threads of the command line, until the test ends. */
export function openTestReaders(): Readers {
  const readers = openReaders(new URL('../../../cli/workers/reader-thread.ts', import.meta.url))
  onTestFinished(() => readers.close())
  return readers
}
