import { defineKind, host, ownFolder, port } from '../fields.ts'
import { readSftpTarget, sftpAddress } from './target.ts'

/** A computer with an SSH server. Its key is a private key in PEM. */
export const sftp = defineKind({
  fields: [
    { ...host, placeholder: 'nas.example.org' },
    { ...port, default: 22 },
    {
      name: 'user',
      role: 'login',
      type: 'text',
      longest: 100,
      isArgument: true,
      option: ['--user <user>', 'who logs in there'],
    },
    {
      name: 'login',
      role: 'option',
      type: 'choice',
      default: 'password',
      // agent: the SSH agent of this session; file: the private key in `keyFile`.
      choices: ['password', 'key', 'file', 'agent'],
      option: ['--login <how>', 'password, key (the secret "key"), file or agent'],
    },
    { name: 'password', role: 'secret', type: 'secret', isRequired: true, logins: ['password'] },
    { name: 'key', role: 'secret', type: 'secret', isRequired: true, logins: ['key'] },
    {
      name: 'keyFile',
      role: 'option',
      type: 'file',
      default: null,
      logins: ['file'],
      placeholder: '/etc/holdfast/id_ed25519',
      option: ['--key-file <path>', 'the private key on this computer that it logs in with'],
    },
    { name: 'passphrase', role: 'secret', type: 'secret', isRequired: false, logins: ['key', 'file'] },
    {
      name: 'hostKey',
      role: 'login',
      type: 'text',
      longest: 50,
      isPresented: true,
      pattern: [/^SHA256:[A-Za-z0-9+/]{43}$/, 'must be SHA256: and 43 characters, as ssh-keygen -l shows it'],
      option: ['--host-key <SHA256:…>', "the server's host key; without, it is shown and asked about"],
    },
    // Absolute, or relative to the login directory.
    { name: 'path', role: 'place', type: 'text', longest: 4096, default: '', isArgument: true },
    ownFolder,
  ],
  encrypts: true,
  usualGib: 1,
  getServer: ({ host, port }) => ({ host, port }),
  formatLocation: sftpAddress,
  suggestName: ({ host = '' }) => host,
  command: {
    description: 'a computer with an SSH server',
    arguments: [
      [
        '<target>',
        'user@host, user@host:path, user@host:port/path or sftp://user@host:port/path; an IPv6 address in brackets',
      ],
    ],
    read(target = '') {
      const read = readSftpTarget(target)
      return read?.user === undefined ? null : { hostKey: '', ...read }
    },
    wrong: 'cli.destinations.sftpTarget',
    infer: ({ login, keyFile }, secrets) =>
      login !== undefined || (keyFile === undefined && !secrets.includes('key'))
        ? {}
        : { login: keyFile === undefined ? ('key' as const) : ('file' as const) },
  },
})
