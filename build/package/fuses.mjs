// Electron's fuses fix the binary's capabilities when it is packaged; environment and arguments cannot change them.
import { FuseState, FuseV1Options, getCurrentFuseWire } from '@electron/fuses'

/** Named as in electron-builder. */
export const fuses = {
  // Otherwise any program of this user could run its own script in this binary, with the permissions granted to it.
  runAsNode: false,
  enableNodeOptionsEnvironmentVariable: false,
  enableNodeCliInspectArguments: false,
  enableCookieEncryption: true,
  // Checked by Electron on macOS and Windows; on Linux root's ownership protects the installed files.
  enableEmbeddedAsarIntegrityValidation: true,
  onlyLoadAppFromAsar: true,
  loadBrowserProcessSpecificV8Snapshot: false,
  grantFileProtocolExtraPrivileges: false,
}

const OPTIONS = {
  runAsNode: FuseV1Options.RunAsNode,
  enableNodeOptionsEnvironmentVariable: FuseV1Options.EnableNodeOptionsEnvironmentVariable,
  enableNodeCliInspectArguments: FuseV1Options.EnableNodeCliInspectArguments,
  enableCookieEncryption: FuseV1Options.EnableCookieEncryption,
  enableEmbeddedAsarIntegrityValidation: FuseV1Options.EnableEmbeddedAsarIntegrityValidation,
  onlyLoadAppFromAsar: FuseV1Options.OnlyLoadAppFromAsar,
  loadBrowserProcessSpecificV8Snapshot: FuseV1Options.LoadBrowserProcessSpecificV8Snapshot,
  grantFileProtocolExtraPrivileges: FuseV1Options.GrantFileProtocolExtraPrivileges,
}

/**
 * Returns the names of a binary's fuses that differ from the configuration; empty if none do.
 * @param {string} executable
 */
export async function wrongFuses(executable) {
  const wire = await getCurrentFuseWire(executable)
  const names = /** @type {(keyof typeof fuses)[]} */ (Object.keys(fuses))
  return names.filter((name) => wire[OPTIONS[name]] !== (fuses[name] ? FuseState.ENABLE : FuseState.DISABLE))
}
