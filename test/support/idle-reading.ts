import type { Reading } from '../../core/store/reading/reading.ts'

/** Of a store that nobody reads. */
export const idleReading: Reading = {
  call: async () => {
    throw Object.assign(new Error('nothing is read here'), { code: 'EIO' })
  },
  use: () => () => undefined,
  close: async () => undefined,
}
