import { safeStorage } from 'electron'
import type { Vault } from '../../core/agent/services.ts'
import { warnUnlessCode } from '../../core/dropped-errors.ts'

/** Chromium's names for a Linux desktop without a keyring: any program of this user can open what it seals. */
const WEAK = ['basic_text', 'unknown']

/** Seals secrets with the desktop's keyring; null if there is none. Electron must be ready. */
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
        // Sealed by another user or computer, or with a former key of the keyring.
        return warnUnlessCode(error, [], 'the keyring does not open a secret', null)
      }
    },
  }
}

function isWeak(): boolean {
  return process.platform === 'linux' && WEAK.includes(safeStorage.getSelectedStorageBackend())
}
