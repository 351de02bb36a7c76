import { defineAction } from '../../answering.ts'
import { idInput } from '../../inputs.ts'

export const disksContract = {
  /** Accepts the present findings about a disk, by its id or name: only higher counters are reported from then on. */
  acceptDisk: defineAction(idInput),
} as const
