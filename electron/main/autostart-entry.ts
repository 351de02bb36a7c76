import os from 'node:os'
import path from 'node:path'

/** Returns the user's autostart file. XDG Base Directory Specification: an empty variable counts as unset. */
export function getAutostartFile({ XDG_CONFIG_HOME }: NodeJS.ProcessEnv): string {
  return path.join(XDG_CONFIG_HOME || path.join(os.homedir(), '.config'), 'autostart', 'holdfast.desktop')
}

/**
 * Returns a desktop entry that starts a command at login.
 * Source: Desktop Entry Specification 1.5, "The Exec key" and "Desktop Application Autostart Specification" 0.5.
 */
export function desktopEntry(command: readonly string[]): string {
  return `[Desktop Entry]
Type=Application
Name=Holdfast
Exec=${command.map(quoteWord).join(' ')}
Icon=holdfast
Terminal=false
X-GNOME-Autostart-enabled=true
`
}

/**
 * Quotes a word of Exec: special characters get a backslash, and % is doubled. String values of the file use backslash
 * escapes as well, so each of these backslashes is doubled.
 */
function quoteWord(word: string): string {
  const escaped = word
    .replace(/["`$\\]/g, '\\$&')
    .replaceAll('\\', '\\\\')
    .replaceAll('%', '%%')
  return `"${escaped}"`
}
