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

test('what is sealed can be opened, and is not what it was', () => {
  const vault = desktopVault()
  const sealed = vault?.seal('hush') ?? ''
  expect(sealed).not.toContain('hush')
  expect(vault?.open(sealed)).toBe('hush')
})

test('without a keyring there is no vault', () => {
  safeStorage.isEncryptionAvailable.mockReturnValueOnce(false)
  expect(desktopVault()).toBeNull()
})

test.skipIf(process.platform !== 'linux')('a keyring without a password of its own is called weak', () => {
  expect(desktopVault()?.storage).toBe('keyring')
  for (const backend of ['basic_text', 'unknown']) {
    safeStorage.getSelectedStorageBackend.mockReturnValueOnce(backend)
    expect(desktopVault()?.storage).toBe('weak')
  }
})

test('what the keyring cannot do is nothing, and throws nothing', () => {
  const fail = () => {
    throw new Error('locked')
  }
  safeStorage.encryptString.mockImplementationOnce(fail)
  safeStorage.decryptString.mockImplementationOnce(fail)
  expect(desktopVault()?.seal('hush')).toBeNull()
  expect(desktopVault()?.open('abcd')).toBeNull()
})
