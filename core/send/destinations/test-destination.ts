import type { Identity } from '../../protocol/identity.ts'
import type { TestedDestination } from '../../settings/given-destination.ts'
import type { DestinationTest, TestStage } from '../sender-messages.ts'
import { tryFolder } from './folder/test-folder.ts'
import { tryReceiver } from './receiver/test-receiver.ts'
import { tryS3 } from './s3/test-s3.ts'
import { trySftp } from './sftp/test-sftp.ts'

/** What a destination is tested with, whatever its kind is. */
export interface TryOptions {
  identity: Identity
  /** Of this computer. */
  name: string
  /** By the names that the kind has; see the settings' schema. */
  secrets: Readonly<Record<string, string>>
  /** Left out: it is given alone. */
  stage?: TestStage
  /** The test has taken too long, or is wanted no longer. */
  signal: AbortSignal
}

/** A destination of a kind, as it is tested. */
export type Tested<K extends TestedDestination['kind']> = Extract<TestedDestination, { kind: K }>

/** Opens a destination, writes a small file, reads it back and removes it, in this process. Never rejects. */
export function tryDestination(
  destination: TestedDestination,
  options: TryOptions,
): Promise<DestinationTest> {
  switch (destination.kind) {
    case 'receiver':
      return tryReceiver(destination, options)
    case 'folder':
      return tryFolder(destination, options)
    case 'sftp':
      return trySftp(destination, options)
    case 's3':
      return tryS3(destination, options)
  }
}
