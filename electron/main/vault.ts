import { safeStorage } from 'electron'
import type { Vault } from '../../core/agent/host.ts'
import { warnUnlessCode } from '../../core/dropped-errors.ts'

/** Chromium's own words for a Linux desktop without a keyring: what it seals, any program of this user can open. */
const WEAK = ['basic_text', 'unknown']

/** Secrets sealed by the desktop's keyring; null: it has none. Electron must be ready. */
export function desktopVault(): Vault | null {
  if (!safeStorage.isEncryptionAvailable()) return null
  return {
    storage: isWeak() ? 'weak' : 'keyring',
    seal: (secret) => {
      try {
        return safeStorage.encryptString(secret).toString('base64')
      } catch (error) {
        return warnUnlessCode(
          error,
          [],
          'the keyring does not take a secret; the file has it in plain text',
          null,
        )
      }
    },
    open: (sealed) => {
      try {
        return safeStorage.decryptString(Buffer.from(sealed, 'base64'))
      } catch (error) {
        // Of another user or computer, or the keyring has another key now.
        return warnUnlessCode(error, [], 'the keyring does not open a secret', null)
      }
    },
  }
}

function isWeak(): boolean {
  return process.platform === 'linux' && WEAK.includes(safeStorage.getSelectedStorageBackend())
}
