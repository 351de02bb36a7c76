import type { SendSource } from '../lane/contract.ts'
import type { RemovalRule } from '../messages.ts'

export type RemovalSource = SendSource & { removal?: RemovalRule | undefined }

export interface RemovalEvents {
  onRemoved(): void
  log(level: 'info' | 'warn', text: string): void
}
