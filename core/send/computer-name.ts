import os from 'node:os'

/** What destinations are told that this computer is called. */
export const ownName = (): string => os.hostname() || 'Holdfast'
