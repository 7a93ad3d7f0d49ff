# Brings proxies to the server's version. Arguments: proxies (host names as the server knows them), username and
# password of an administrator of the Windows ones, linux (account, password, private_key, passphrase, elevate,
# fingerprint, public_key) or null. The answer has one result for each proxy; a proxy that fails does not stop the rest.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Get-Argument($From, [string]$Name) {
    if ($null -eq $From -or -not $From.PSObject.Properties[$Name]) {
        return $null
    }
    return $From.$Name
}

function ConvertTo-Secure([string]$Text) {
    return ConvertTo-SecureString -String $Text -AsPlainText -Force
}

function Get-LinuxCredential($Linux, [string]$KeyFile) {
    $login = @{ Account = $Linux.account }
    $password = Get-Argument $Linux 'password'
    if ($password) {
        $login.Password = ConvertTo-Secure $password
    }
    $key = Get-Argument $Linux 'private_key'
    if ($key) {
        [IO.File]::WriteAllText($KeyFile, $key)
        $login.PrivateKeyFilePath = $KeyFile
        $passphrase = Get-Argument $Linux 'passphrase'
        if ($passphrase) {
            $login.Passphrase = ConvertTo-Secure $passphrase
        }
    }
    if (Get-Argument $Linux 'elevate') {
        $login.ElevateAccountToRoot = $true
    }
    if (Get-Argument $Linux 'fingerprint') {
        $login.Fingerprint = $Linux.fingerprint
    }
    if (Get-Argument $Linux 'public_key') {
        $login.PublicKeyBase64 = $Linux.public_key
    }
    return New-VBOLinuxCredential @login
}

# Up to version 7 the cmdlet knows -Credential only; with version 8 that one is on its way out.
function Get-Login([string]$KeyFile) {
    $login = @{}
    $username = Get-Argument $Arguments 'username'
    if ($username) {
        $password = ConvertTo-Secure $Arguments.password
        $credential = New-Object System.Management.Automation.PSCredential $username, $password
        $name = 'Credential'
        if ((Get-Command Update-VBOProxy).Parameters.ContainsKey('WindowsCredential')) {
            $name = 'WindowsCredential'
        }
        $login[$name] = $credential
    }
    $linux = Get-Argument $Arguments 'linux'
    if ($null -ne $linux) {
        $login.LinuxCredential = Get-LinuxCredential $linux $KeyFile
    }
    return $login
}

function Update-One([string]$Name, $Login) {
    $result = @{ host = $Name; ok = $false; version = $null; message = '' }
    try {
        $proxy = Get-VBOProxy -Hostname $Name
        if ($null -eq $proxy) {
            $result.message = 'The server does not know this proxy.'
            return $result
        }
        if ($proxy.IsOutdated) {
            Update-VBOProxy -Proxy @($proxy) @Login | Out-Null
            $proxy = Get-VBOProxy -Hostname $Name
        }
        if ($proxy.PSObject.Properties['Version']) {
            $result.version = "$($proxy.Version)"
        }
        $result.ok = -not $proxy.IsOutdated
        if (-not $result.ok) {
            $result.message = 'The proxy is still out of date.'
        }
    } catch {
        $result.message = $_.Exception.Message
    }
    return $result
}

Import-Module Veeam.Archiver.PowerShell
$folder = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
Connect-VBOServer
try {
    $null = New-Item -ItemType Directory -Path $folder
    $login = Get-Login (Join-Path $folder 'key')
    $results = @(foreach ($name in @($Arguments.proxies)) { Update-One $name $login })
} finally {
    Remove-Item -LiteralPath $folder -Recurse -Force -ErrorAction SilentlyContinue
    Disconnect-VBOServer
}
[Console]::Out.WriteLine((@{ results = $results } | ConvertTo-Json -Compress -Depth 4))
