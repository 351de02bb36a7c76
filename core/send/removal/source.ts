import type { RemovalRule } from '../messages.ts'
import type { SendSource } from '../source/contract.ts'

export type RemovalSource = SendSource & { removal?: RemovalRule | undefined }

export interface RemovalEvents {
  onRemoved(): void
  log(level: 'info' | 'warn', text: string): void
}
