import { certificate, defineKind, getUrlServer, ownFolder } from '../fields.ts'

/** A directory of a WebDAV server. */
export const webdav = defineKind({
  fields: [
    {
      name: 'url',
      role: 'server',
      type: 'url',
      isPrivate: true,
      isArgument: true,
      hint: 'url',
      placeholder: 'https://cloud.example.org/remote.php/dav/files/ada/backup',
      option: ['--url <url>', 'the address that the folder of a WebDAV server has now'],
    },
    {
      name: 'user',
      role: 'login',
      type: 'text',
      longest: 200,
      pattern: [/^[^:\p{Cc}]+$/u, 'must be a name without a colon'],
      option: ['--user <user>', 'who logs in there'],
    },
    { name: 'password', role: 'secret', type: 'secret', isRequired: true, hint: 'appPassword' },
    ownFolder,
    certificate,
  ],
  encrypts: true,
  usualGib: 1,
  neverSyncs: true,
  getServer: ({ url }) => getUrlServer(url),
  formatLocation: ({ url }) => url,
  suggestName: ({ url = '' }) => URL.parse(url)?.hostname ?? '',
  command: {
    description: 'a folder of a WebDAV server, such as Nextcloud',
    arguments: [['<url>', 'https://host[:port]/folder, which must exist']],
    read: (url = '') => ({ url }),
  },
})
