# Sets the certificate that workgroup proxies trust. The server sends it to the proxies that are online.
# Arguments: pfx (base64), passphrase. The cmdlet takes a file: it is written to a folder that only this account, the
# system and administrators can read, and always removed.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$module = Join-Path $env:ProgramFiles 'Veeam/Backup365/Veeam.Archiver.PowerShell/Veeam.Archiver.PowerShell.psd1'
if (-not (Test-Path -LiteralPath $module)) {
    $module = 'Veeam.Archiver.PowerShell'
}
Import-Module $module
$folder = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
$file = Join-Path $folder 'certificate.pfx'
Connect-VBOServer
try {
    $null = New-Item -ItemType Directory -Path $folder
    [IO.File]::WriteAllBytes($file, [Convert]::FromBase64String($Arguments.pfx))
    $settings = @{ CertificateFilePath = $file; Force = $true }
    if ($Arguments.passphrase) {
        # without a cmdlet, whose arguments Windows can record
        $settings.CertificatePassword = New-Object System.Security.SecureString
        foreach ($character in $Arguments.passphrase.ToCharArray()) {
            $settings.CertificatePassword.AppendChar($character)
        }
    }
    Set-VBOSecuritySettings @settings | Out-Null
    $thumbprint = "$((Get-VBOSecuritySettings).CertificateThumbprint)".ToUpper()
} finally {
    Remove-Item -LiteralPath $folder -Recurse -Force -ErrorAction SilentlyContinue
    Disconnect-VBOServer
}
[Console]::Out.WriteLine((@{ thumbprint = $thumbprint } | ConvertTo-Json -Compress))
