import { onTestFinished } from 'vitest'
import { openReaders, type Readers } from '../../../core/send/reading/readers.ts'
import { workerScript } from '../cli/command-script.ts'

/** The threads of the command line, until the test ends. */
export function openTestReaders(): Readers {
  const readers = openReaders(workerScript('reader-thread'))
  onTestFinished(() => readers.close())
  return readers
}
