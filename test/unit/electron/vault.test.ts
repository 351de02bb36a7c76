import { afterEach, expect, test, vi } from 'vitest'

const safeStorage = vi.hoisted(() => ({
  isEncryptionAvailable: vi.fn(() => true),
  getSelectedStorageBackend: vi.fn(() => 'gnome_libsecret'),
  encryptString: vi.fn((text: string) => Buffer.from(text).reverse()),
  decryptString: vi.fn((sealed: Buffer) => Buffer.from(sealed).reverse().toString()),
}))
vi.mock('electron', () => ({ safeStorage }))

const { desktopVault } = await import('../../../electron/main/vault.ts')

afterEach(() => void vi.clearAllMocks())

test('keyring vault: a sealed secret can be opened and does not contain its text', () => {
  const vault = desktopVault()
  const sealed = vault?.seal('hush') ?? ''
  expect(sealed).not.toContain('hush')
  expect(vault?.open(sealed)).toBe('hush')
})

test('keyring vault: a system without a keyring has no vault', () => {
  safeStorage.isEncryptionAvailable.mockReturnValueOnce(false)
  expect(desktopVault()).toBeNull()
})

test.skipIf(process.platform !== 'linux')('keyring vault: an unprotected keyring is reported as weak', () => {
  expect(desktopVault()?.storage).toBe('keyring')
  for (const backend of ['basic_text', 'unknown']) {
    safeStorage.getSelectedStorageBackend.mockReturnValueOnce(backend)
    expect(desktopVault()?.storage).toBe('weak')
  }
})

test('keyring vault: a keyring failure gives null instead of an error', () => {
  const fail = () => {
    throw new Error('locked')
  }
  safeStorage.encryptString.mockImplementationOnce(fail)
  safeStorage.decryptString.mockImplementationOnce(fail)
  expect(desktopVault()?.seal('hush')).toBeNull()
  expect(desktopVault()?.open('abcd')).toBeNull()
})
